-- 100,000 rows, indexes, joins, aggregates, text functions, a transaction that is rolled back.
CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, name TEXT, x REAL);
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
INSERT INTO t SELECT i, (i * 7919) % 10007, 'name' || (i % 1000), i / 3.0 FROM n;
COMMIT;
CREATE INDEX tk ON t (k);
SELECT count(*), sum(k), max(name), round(sum(x), 3) FROM t;
SELECT k, count(*) c, min(id) FROM t GROUP BY k ORDER BY c DESC, k LIMIT 5;
SELECT a.id, b.id FROM t a JOIN t b ON a.k = b.k AND a.id < b.id WHERE a.name = 'name7' ORDER BY a.id, b.id LIMIT 5;
BEGIN;
UPDATE t SET x = x * 2, name = upper(name) WHERE k % 3 = 0;
SELECT count(*), round(total(x), 2) FROM t WHERE name LIKE 'NAME1%';
DELETE FROM t WHERE id % 2 = 0;
ROLLBACK;
SELECT count(*), group_concat(DISTINCT substr(name, 1, 5)) FROM t;
SELECT printf('%08.3f|%x', avg(x), sum(id)), length(hex(randomblob(8))) FROM t WHERE k BETWEEN 100 AND 200;
PRAGMA integrity_check;
