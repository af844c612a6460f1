-- An interpreter at work: tables, closures, strings, floating point.
local t, s = {}, 0
for i = 1, 4000000 do
    local k = i * 7919 % 1013
    t[k] = (t[k] or 0) + i
    s = s + math.sin(i) * 0.5
end
local parts = {}
for i = 1, 300000 do parts[#parts + 1] = string.format("%d:%s", i, ("x"):rep(i % 7)) end
print(#table.concat(parts), #t, string.format("%.6f", s))
