-- An in-memory database: inserts, an index, joins, aggregates.
CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, name TEXT, x REAL);
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250000)
INSERT INTO t SELECT i, (i * 7919) % 10007, 'name' || (i % 1000), i / 3.0 FROM n;
COMMIT;
CREATE INDEX tk ON t (k);
SELECT count(*), sum(k), max(name), round(sum(x), 3) FROM t;
SELECT k, count(*) c, min(id) FROM t GROUP BY k ORDER BY c DESC, k LIMIT 5;
SELECT count(*) FROM t a JOIN t b ON a.k = b.k AND a.id < b.id WHERE a.id % 3 = 0;
SELECT name, avg(x), count(DISTINCT k) FROM t WHERE name LIKE '%7' GROUP BY name ORDER BY 2 DESC LIMIT 5;
