-- Gives back what a call took from budgets that failed. A sum that is not there any more gets nothing.
-- KEYS: one account for each sum. ARGV: what each of them took, in three numbers below 10^15, the highest first.
local LIMB = 1000000000000000
for i = 1, #KEYS do
  local high, middle, low = string.match(redis.call('GET', KEYS[i]) or '', '^(%d+) (%d+) (%d+)$')
  if high then
    local at = 3 * i - 2
    high, middle, low = high - ARGV[at], middle - ARGV[at + 1], low - ARGV[at + 2]
    if low < 0 then middle, low = middle - 1, low + LIMB end
    if middle < 0 then high, middle = high - 1, middle + LIMB end
    if high < 0 then high, middle, low = 0, 0, 0 end
    redis.call('SET', KEYS[i], string.format('%.0f %.0f %.0f', high, middle, low), 'KEEPTTL')
  end
end
return #KEYS
