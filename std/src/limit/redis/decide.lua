-- Takes what a call costs from all of its accounts, or from none. GCRA: an account is the moment at which what was
-- taken from it is there again. Moments are seconds and nanoseconds, for a number here holds 53 bits.
-- A budget's account is the sum that was taken in a window: three numbers below 10^15, the highest first.
-- KEYS: the mark of the store, then one account for each charge, then one for each sum.
-- ARGV: the mark's `since` that the caller knows, or 0; the second at which the server started, or 0; 1 when the
-- charges are of calls that ran without asking: they are taken as far as there is something left, and sums whole; how
-- many charges there are; then for each charge what it takes and what a full account holds, in seconds and nanoseconds
-- each; then for each sum what it takes, the largest sum, in three numbers each, the second at which its window began,
-- and for how many seconds it is kept.
-- Answers: which charge must wait longest, or 0; how long, in seconds and nanoseconds; `since`; whether data are
-- found to be lost; which sum is too large, or 0.
local SECOND = 1000000000
local MARK_KEPT, MARK_RENEWED = 30 * 86400, 86400

local LIMB = 1000000000000000

local function amount(at)
  return { tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]) }
end

local function total(a, b)
  local high, middle, low = a[1] + b[1], a[2] + b[2], a[3] + b[3]
  if low >= LIMB then middle, low = middle + 1, low - LIMB end
  if middle >= LIMB then high, middle = high + 1, middle - LIMB end
  return { high, middle, low }
end

local function exceeds(a, b)
  for i = 1, 3 do
    if a[i] ~= b[i] then return a[i] > b[i] end
  end
  return false
end

local function before(as, an, bs, bn)
  return as < bs or (as == bs and an < bn)
end

local function sum(as, an, bs, bn)
  local s, n = as + bs, an + bn
  if n >= SECOND then return s + 1, n - SECOND end
  return s, n
end

local function difference(as, an, bs, bn)
  local s, n = as - bs, an - bn
  if n < 0 then return s - 1, n + SECOND end
  return s, n
end

local time = redis.call('TIME')
local now_s, now_u = tonumber(time[1]), tonumber(time[2])
local now, now_n = now_s * 1000000 + now_u, now_u * 1000
local known, started, owed = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1'
local charges = tonumber(ARGV[4])
local found = redis.call('MGET', unpack(KEYS))

-- The mark says since when the store has its data, when it was last known to lack some, and when it was written, in
-- microseconds. Whoever finds it missing, changed or older than the server knows that data were lost.
local since, lost, renewed = string.match(found[1] or '', '^(%d+) (%d+) (%d+)$')
since, lost, renewed = tonumber(since or 0), tonumber(lost or 0), tonumber(renewed or 0)
local was_lost = lost
if since == 0 or since < started * 1000000 then
  if since ~= 0 or known ~= 0 or found[1] then lost = now end
  since, renewed = now, 0
elseif known ~= 0 and known ~= since then
  lost = math.max(lost, since)
end
local forgot = lost ~= was_lost and 1 or 0
-- A clock that was set back.
lost = math.min(lost, now)

local longest, longest_s, longest_n = 0, 0, 0
local after = {}
for i = 2, charges + 1 do
  local at = 4 * i - 3
  local full_s, full_n = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local most_s, most_n = sum(now_s, now_n, full_s, full_n)
  local s, n = string.match(found[i] or '', '^(%d+) (%d+)$')
  s, n = tonumber(s), tonumber(n)
  if not s then
    -- Never seen, full again, or lost: then it had nothing left.
    s, n = 0, 0
    if lost > 0 then s, n = sum(math.floor(lost / 1000000), lost % 1000000 * 1000, full_s, full_n) end
  end
  if before(s, n, now_s, now_n) then s, n = now_s, now_n end
  if before(most_s, most_n, s, n) then s, n = most_s, most_n end
  s, n = sum(s, n, tonumber(ARGV[at]), tonumber(ARGV[at + 1]))
  if before(most_s, most_n, s, n) and owed then
    after[i] = { most_s, most_n }
  elseif before(most_s, most_n, s, n) then
    s, n = difference(s, n, most_s, most_n)
    if longest == 0 or before(longest_s, longest_n, s, n) then
      longest, longest_s, longest_n = i - 1, s, n
    end
  else
    after[i] = { s, n }
  end
end

local overspent = 0
for i = charges + 2, #KEYS do
  local at = 5 + 4 * charges + 8 * (i - charges - 2)
  local most = amount(at + 3)
  local high, middle, low = string.match(found[i] or '', '^(%d+) (%d+) (%d+)$')
  local taken = { tonumber(high or 0), tonumber(middle or 0), tonumber(low or 0) }
  -- What was lost since the window began was all that there is.
  if not high and lost > 0 and lost >= tonumber(ARGV[at + 6]) * 1000000 then taken = most end
  after[i] = total(taken, amount(at))
  if overspent == 0 and not owed and exceeds(after[i], most) then overspent = i - charges - 1 end
end

-- Without charges the question is whether the store can be written.
if lost ~= was_lost or #KEYS == 1 or now - renewed > MARK_RENEWED * 1000000 then
  redis.call('SET', KEYS[1], string.format('%.0f %.0f %.0f', since, lost, now), 'EX', MARK_KEPT)
end
if longest == 0 and overspent == 0 then
  for i = 2, charges + 1 do
    local s, n = unpack(after[i])
    local left_s, left_n = difference(s, n, now_s, now_n)
    -- Kept for a second more than it matters, for clocks of the server itself may differ.
    local kept = left_s * 1000 + math.ceil(left_n / 1000000) + 1000
    redis.call('SET', KEYS[i], string.format('%.0f %.0f', s, n), 'PX', string.format('%.0f', kept))
  end
  for i = charges + 2, #KEYS do
    local at = 5 + 4 * charges + 8 * (i - charges - 2)
    if exceeds(amount(at), { 0, 0, 0 }) then
      redis.call('SET', KEYS[i], string.format('%.0f %.0f %.0f', unpack(after[i])), 'EX', ARGV[at + 7])
    end
  end
end
return { longest, longest_s, longest_n, since, forgot, overspent }
