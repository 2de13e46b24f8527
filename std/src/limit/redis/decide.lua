-- Takes what a call costs from all of its accounts, or from none. GCRA: an account is the moment at which what was
-- taken from it is there again. Moments are seconds and nanoseconds, for a number here holds 53 bits.
-- KEYS: the mark of the store, then one account for each charge.
-- ARGV: the mark's `since` that the caller knows, or 0; the second at which the server started, or 0; 1 when the
-- charges are of calls that ran without asking: they are taken as far as there is something left; then for each
-- charge what it takes and what a full account holds, in seconds and nanoseconds each.
-- Answers: which charge must wait longest, or 0; how long, in seconds and nanoseconds; `since`; whether data are
-- found to be lost.
local SECOND = 1000000000
local MARK_KEPT, MARK_RENEWED = 30 * 86400, 86400

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
for i = 2, #KEYS do
  local at = 4 * i - 4
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

-- Without charges the question is whether the store can be written.
if lost ~= was_lost or #KEYS == 1 or now - renewed > MARK_RENEWED * 1000000 then
  redis.call('SET', KEYS[1], string.format('%.0f %.0f %.0f', since, lost, now), 'EX', MARK_KEPT)
end
if longest == 0 then
  for i = 2, #KEYS do
    local s, n = unpack(after[i])
    local left_s, left_n = difference(s, n, now_s, now_n)
    -- Kept for a second more than it matters, for clocks of the server itself may differ.
    local kept = left_s * 1000 + math.ceil(left_n / 1000000) + 1000
    redis.call('SET', KEYS[i], string.format('%.0f %.0f', s, n), 'PX', string.format('%.0f', kept))
  end
end
return { longest, longest_s, longest_n, since, forgot }
