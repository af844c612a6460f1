-- Tables, closures, coroutines, string patterns, sorting, garbage collection.
local count = {}
for line in io.lines() do
    for w in line:gmatch("%a+") do
        count[w:lower()] = (count[w:lower()] or 0) + 1
    end
end
local names = {}
for w in pairs(count) do names[#names + 1] = w end
table.sort(names, function(a, b) return count[a] > count[b] or (count[a] == count[b] and a < b) end)
for i = 1, 10 do print(names[i], count[names[i]]) end
local function gen(n)
    return coroutine.wrap(function() for i = 1, n do coroutine.yield(i * i) end end)
end
local s = 0
for v in gen(5000) do s = s + v end
print(s, string.format("%.14g %q", 1 / 3, "a\nb"), ("x"):rep(10, ","))
print(pcall(error, { code = 1 }), select("#", table.unpack({}, 1, 20)))
for i = 1, 200 do local t = {} for j = 1, 200 do t[j] = { j } end end
collectgarbage()
print(math.tointeger(2 ^ 53), 7 // 2, -7 % 3, 1 << 40)
os.exit(6)
