-- Every tenth request is slow (10 ms on the server), the others are fast: their latencies must not mix.
local count = 0
function request()
  count = count + 1
  return wrk.format("GET", count % 10 == 0 and "/sleep" or "/plain")
end
