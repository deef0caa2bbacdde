#include "tasks/redis_scripts.hpp"

#include <string>

namespace facet::tasks::scripts {
namespace {

/// What the scripts share.
constexpr const char* kCommon = R"lua(
local P, NOW = ARGV[1], tonumber(ARGV[2])
if not NOW then
  local t = redis.call('TIME')
  NOW = t[1] * 1000 + math.floor(t[2] / 1000)
end
local NS = P .. 'facet:'
local LEASE, DELAYED, FINISHED = NS .. 'lease', NS .. 'delayed', NS .. 'finished'
local LAST, DEAD, REVOKED = NS .. 'last', NS .. 'dead', NS .. 'revoked'
local function rec(id) return NS .. 'task:' .. id end

-- Numbers become text here: Lua's own conversion would round instants to 14 digits.
local function int(n) return string.format('%.0f', n) end

local function set_state(id, seq, from, to)
  redis.call('ZREM', NS .. 'state:' .. from, id)
  redis.call('ZADD', NS .. 'state:' .. to, seq, id)
end

-- The place of a task among those of its list: texts that compare as the tasks do.
local function order(prio, nb, seq)
  return string.format('%d|%015.0f|%015.0f', 9 - prio, nb, seq)
end

local UUID = '^' .. string.rep('[0-9a-f]', 8) .. string.rep('%-' .. string.rep('[0-9a-f]', 4), 3)
  .. '%-' .. string.rep('[0-9a-f]', 12) .. '$'

local function parse(raw)
  local ok, m = pcall(cjson.decode, raw)
  if not ok or type(m) ~= 'table' or type(m.headers) ~= 'table' then return nil end
  local id = m.headers.id
  if type(id) ~= 'string' or not string.match(id, UUID) then return nil end
  return id, m
end

-- Celery's priority of a message as one of ours.
local function priority(m)
  local p = type(m.properties) == 'table' and tonumber(m.properties.priority) or 0
  return 9 - math.max(0, math.min(9, math.floor(p)))
end

local function order_of(raw)
  local id, m = parse(raw)
  if not id then return '' end
  local r = redis.call('HMGET', rec(id), 'prio', 'nb', 'seq')
  if r[1] then return order(r[1], r[2], r[3]) end
  return order(priority(m), NOW, 0)
end

-- Puts a message on its list where its order wants it: nearly always at one of the ends, which are
-- tried first. Messages leave at the right end.
local function place(list, raw, o)
  local last = redis.call('HGET', LAST, list)
  local n = redis.call('LLEN', list)
  if n == 0 or not last or o >= last then
    redis.call('LPUSH', list, raw)
    redis.call('HSET', LAST, list, o)
    return
  end
  if order_of(redis.call('LINDEX', list, -1)) > o then
    redis.call('RPUSH', list, raw)
    return
  end
  if order_of(redis.call('LINDEX', list, 0)) <= o then
    redis.call('LPUSH', list, raw)
    redis.call('HSET', LAST, list, o)
    return
  end
  local low, high = 1, n - 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if order_of(redis.call('LINDEX', list, -1 - middle)) > o then
      high = middle
    else
      low = middle + 1
    end
  end
  redis.call('LINSERT', list, 'AFTER', redis.call('LINDEX', list, -1 - low), raw)
end

-- Puts a task whose record says queued where such tasks are.
local function enter(id)
  local r = redis.call('HMGET', rec(id), 'list', 'msg', 'prio', 'nb', 'seq')
  if tonumber(r[4]) > NOW then
    redis.call('ZADD', DELAYED, r[4], id)
  else
    place(r[1], r[2], order(r[3], r[4], r[5]))
  end
end

local function promote()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', DELAYED, '-inf', NOW, 'LIMIT', 0, 100)) do
    redis.call('ZREM', DELAYED, id)
    if redis.call('HGET', rec(id), 'state') == 'queued' then enter(id) end
  end
end

-- Expired leases: queued again where attempts are left; the ids of the others.
local function take_back()
  local count, ending = 0, {}
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', LEASE, '-inf', NOW)) do
    local r = redis.call('HMGET', rec(id), 'state', 'att', 'max', 'cancel', 'seq')
    if r[1] ~= 'leased' then
      redis.call('ZREM', LEASE, id)
    elseif r[4] == '1' or tonumber(r[2]) >= tonumber(r[3]) then
      ending[#ending + 1] = id
    else
      redis.call('ZREM', LEASE, id)
      redis.call('HSET', rec(id), 'state', 'queued')
      set_state(id, r[5], 'leased', 'queued')
      enter(id)
      count = count + 1
    end
  end
  return count, ending
end

local function finish(id, seq, from, to)
  redis.call('HSET', rec(id), 'state', to, 'finished', int(NOW))
  redis.call('ZADD', FINISHED, NOW, id)
  set_state(id, seq, from, to)
end

-- Writes the result of a task, unless its producer wants none (headers.ignore_result).
local function tell(id, key, life, document)
  if document and document ~= '' and redis.call('HGET', rec(id), 'mute') ~= '1' then
    redis.call('SETEX', key, life, document)
    redis.call('PUBLISH', key, document)
  end
end

local function bury(raw, why)
  redis.call('LPUSH', DEAD, cjson.encode({why = why, at = int(NOW)}) .. '\n' .. raw)
  redis.call('LTRIM', DEAD, 0, 999)
end

local function view(id)
  local r = redis.call('HMGET', rec(id), 'msg', 'state', 'prio', 'nb', 'seq', 'att', 'max',
    'result', 'ecode', 'emsg', 'cancel', 'worker', 'created', 'started', 'finished', 'token',
    'until')
  table.insert(r, 1, id)
  return r
end

local function record(id, raw, list, prio, most, nb, cancel)
  local seq = redis.call('INCR', NS .. 'seq')
  redis.call('HSET', rec(id), 'msg', raw, 'state', 'queued', 'list', list, 'prio', prio, 'nb',
    int(nb), 'seq', seq, 'att', 0, 'max', most, 'created', int(NOW), 'cancel', cancel)
  redis.call('ZADD', NS .. 'state:queued', seq, id)
end
)lua";

constexpr const char* kEnqueue = R"lua(
local id = ARGV[3]
local r = redis.call('HMGET', rec(id), 'state', 'msg', 'list')
if r[1] then
  -- Known. Where the list was wiped, the message is put on it again: that is what a second
  -- enqueueing is for.
  if r[1] == 'queued' and not redis.call('ZSCORE', DELAYED, id)
      and not redis.call('LPOS', r[3], r[2]) then
    enter(id)
  end
  return 0
end
promote()
redis.call('ZREM', REVOKED, id)
record(id, ARGV[4], ARGV[5], ARGV[6], ARGV[7], NOW + tonumber(ARGV[8]), 0)
enter(id)
return 1
)lua";

constexpr const char* kReserve = R"lua(
take_back()
promote()
for i = 6, #ARGV do
  local list = ARGV[i]
  for _ = 1, 100 do
    local raw = redis.call('LINDEX', list, -1)
    if not raw then break end
    local id, m = parse(raw)
    if not id then
      redis.call('RPOP', list)
      bury(raw, 'no task message with a UUID as its id')
    else
      local r = redis.call('HMGET', rec(id), 'state', 'msg', 'seq', 'token')
      if not r[1] then
        local revoked = redis.call('ZREM', REVOKED, id)
        record(id, raw, list, priority(m), ARGV[5], NOW, revoked)
        if m.headers.ignore_result == true then redis.call('HSET', rec(id), 'mute', 1) end
        r = redis.call('HMGET', rec(id), 'state', 'msg', 'seq', 'token')
      end
      if r[1] == 'queued' and r[2] == raw then
        -- Never below the clock: a server that lost its data does not repeat a token.
        local token = math.max(tonumber(redis.call('GET', NS .. 'token') or 0) + 1, NOW)
        redis.call('SET', NS .. 'token', int(token))
        local till = NOW + tonumber(ARGV[4])
        redis.call('HSET', rec(id), 'state', 'leased', 'worker', ARGV[3], 'token', int(token),
          'started', int(NOW), 'until', int(till))
        redis.call('HINCRBY', rec(id), 'att', 1)
        redis.call('ZADD', LEASE, till, id)
        redis.call('ZREM', DELAYED, id)
        set_state(id, r[3], 'queued', 'leased')
        redis.call('RPOP', list)
        return view(id)
      end
      redis.call('RPOP', list)  -- a copy of a task that is known, which changes nothing
    end
  end
end
return false
)lua";

constexpr const char* kReady = R"lua(
for i = 3, #ARGV do
  if redis.call('EXISTS', ARGV[i]) == 1 then return 0 end
end
local soonest = redis.call('ZRANGE', DELAYED, 0, 0, 'WITHSCORES')[2]
soonest = soonest and tonumber(soonest)
local leases = redis.call('ZRANGE', LEASE, 0, -1, 'WITHSCORES')
for i = 1, #leases, 2 do
  local r = redis.call('HMGET', rec(leases[i]), 'att', 'max', 'cancel')
  if r[1] and r[3] ~= '1' and tonumber(r[1]) < tonumber(r[2]) then
    soonest = math.min(soonest or math.huge, tonumber(leases[i + 1]))
    break
  end
end
if not soonest then return -1 end
return math.max(0, soonest - NOW)
)lua";

constexpr const char* kRenew = R"lua(
local id = ARGV[3]
local r = redis.call('HMGET', rec(id), 'state', 'token', 'cancel')
if r[1] ~= 'leased' or r[2] ~= ARGV[4] then return false end
local till = NOW + tonumber(ARGV[5])
redis.call('HSET', rec(id), 'until', int(till))
redis.call('ZADD', LEASE, till, id)
return {int(till), r[3]}
)lua";

constexpr const char* kEnd = R"lua(
local id, how = ARGV[3], ARGV[5]
local r = redis.call('HMGET', rec(id), 'state', 'token', 'cancel', 'att', 'max', 'seq', 'until')
if r[1] ~= 'leased' or r[2] ~= ARGV[4] then return false end
local cancel, last = r[3] == '1', tonumber(r[4]) >= tonumber(r[5])
local key = rec(id)
local to
if how == 'complete' then
  to = cancel and 'cancelled' or 'done'
  redis.call('HSET', key, 'result', cancel and '' or ARGV[6], 'ecode', '', 'emsg', '')
elseif how == 'fail' then
  to = 'failed'
  redis.call('HSET', key, 'ecode', ARGV[6], 'emsg', ARGV[7])
elseif how == 'retry' then
  to = cancel and 'cancelled' or last and 'dead' or 'queued'
  redis.call('HSET', key, 'ecode', ARGV[6], 'emsg', ARGV[7], 'nb', int(NOW + tonumber(ARGV[8])))
elseif how == 'release' then
  to = cancel and 'cancelled' or 'queued'
  redis.call('HINCRBY', key, 'att', -1)
elseif how == 'lost' then
  if tonumber(r[7]) > NOW or not (cancel or last) then return false end
  to = cancel and 'cancelled' or 'dead'
  if not cancel then redis.call('HSET', key, 'ecode', ARGV[6], 'emsg', ARGV[7]) end
elseif how == 'defer' then
  to = 'queued'
  redis.call('HINCRBY', key, 'att', -1)
  redis.call('HSET', key, 'nb', ARGV[8])
else
  to = 'cancelled'
end
redis.call('ZREM', LEASE, id)
if to == 'queued' then
  redis.call('HSET', key, 'state', to)
  set_state(id, r[6], 'leased', to)
  enter(id)
else
  finish(id, r[6], 'leased', to)
end
for i = 11, #ARGV, 2 do
  if ARGV[i] == to then tell(id, ARGV[9], ARGV[10], ARGV[i + 1]) end
end
return to
)lua";

constexpr const char* kCancel = R"lua(
local id = ARGV[3]
local r = redis.call('HMGET', rec(id), 'state', 'list', 'msg', 'seq')
if not r[1] then
  -- It may be on a list still, put there by someone else: remembered for as long as Celery does
  -- (celery/worker/state.py, REVOKE_EXPIRES and REVOKES_MAX).
  redis.call('ZADD', REVOKED, NOW, id)
  redis.call('ZREMRANGEBYSCORE', REVOKED, '-inf', NOW - 10800000)
  redis.call('ZREMRANGEBYRANK', REVOKED, 0, -50001)
  return 'unknown'
end
if r[1] == 'queued' then
  redis.call('LREM', r[2], 1, r[3])
  redis.call('ZREM', DELAYED, id)
  redis.call('HSET', rec(id), 'cancel', 1)
  finish(id, r[4], 'queued', 'cancelled')
  tell(id, ARGV[4], ARGV[5], ARGV[6])
  return 'cancelled'
elseif r[1] == 'leased' then
  redis.call('HSET', rec(id), 'cancel', 1)
  return 'leased'
end
return 'final'
)lua";

constexpr const char* kRequeue = R"lua(
local id = ARGV[3]
local r = redis.call('HMGET', rec(id), 'state', 'seq')
if not r[1] then return 'unknown' end
if r[1] ~= 'failed' and r[1] ~= 'dead' and r[1] ~= 'cancelled' then return r[1] end
redis.call('HSET', rec(id), 'state', 'queued', 'att', 0, 'result', '', 'ecode', '', 'emsg', '',
  'cancel', 0, 'nb', int(NOW))
redis.call('HDEL', rec(id), 'started', 'finished')
redis.call('ZREM', FINISHED, id)
set_state(id, r[2], r[1], 'queued')
redis.call('DEL', ARGV[4])
promote()
enter(id)
return r[1]
)lua";

constexpr const char* kReclaim = R"lua(
local prefix, pause, most = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local count = 0
for _, id in ipairs(redis.call('ZRANGE', LEASE, 0, -1)) do
  local r = redis.call('HMGET', rec(id), 'worker', 'att', 'until', 'state')
  if r[4] == 'leased' and string.sub(r[1], 1, #prefix) == prefix then
    local rest = NOW + pause * 2 ^ (math.min(tonumber(r[2]), most) - 1)
    if rest < tonumber(r[3]) then
      redis.call('HSET', rec(id), 'until', int(rest))
      redis.call('ZADD', LEASE, rest, id)
    end
    count = count + 1
  end
end
return count
)lua";

constexpr const char* kTakeBack = R"lua(
local count, ending = take_back()
promote()
return {count, ending}
)lua";

constexpr const char* kPurge = R"lua(
local ids = redis.call('ZRANGEBYSCORE', FINISHED, '-inf', '(' .. ARGV[3], 'LIMIT', 0, ARGV[4])
for _, id in ipairs(ids) do
  redis.call('ZREM', NS .. 'state:' .. redis.call('HGET', rec(id), 'state'), id)
  redis.call('ZREM', FINISHED, id)
  redis.call('UNLINK', rec(id))
end
return #ids
)lua";

constexpr const char* kForget = R"lua(
local id = ARGV[3]
local state = redis.call('HGET', rec(id), 'state')
if not state then return 'missing' end
if redis.call('ZREM', FINISHED, id) == 0 then return 'conflict' end
redis.call('ZREM', NS .. 'state:' .. state, id)
redis.call('UNLINK', rec(id), ARGV[4])
return 'ok'
)lua";

constexpr const char* kStats = R"lua(
local delayed = redis.call('ZCARD', DELAYED)
local queued = delayed
for i = 3, #ARGV do queued = queued + redis.call('LLEN', ARGV[i]) end
local counts = {queued, redis.call('ZCOUNT', DELAYED, '(' .. int(NOW), '+inf')}
for _, state in ipairs({'leased', 'done', 'failed', 'dead', 'cancelled'}) do
  counts[#counts + 1] = redis.call('ZCARD', NS .. 'state:' .. state)
end
return counts
)lua";

constexpr const char* kList = R"lua(
local found = {}
for i = 5, #ARGV do
  local rows = redis.call('ZREVRANGEBYSCORE', NS .. 'state:' .. ARGV[i], '(' .. ARGV[4], '-inf',
    'WITHSCORES', 'LIMIT', 0, ARGV[3])
  for j = 1, #rows, 2 do found[#found + 1] = {rows[j], tonumber(rows[j + 1])} end
end
table.sort(found, function(a, b) return a[2] > b[2] end)
local views = {}
for i = 1, math.min(#found, tonumber(ARGV[3])) do views[i] = view(found[i][1]) end
return views
)lua";

constexpr const char* kBury = R"lua(
bury(ARGV[3], ARGV[4])
return 1
)lua";

redis::Script Make(const char* body) { return redis::Script(std::string(kCommon) + body); }

}  // namespace

#define FACET_SCRIPT(name)                                 \
    const redis::Script& name() {                          \
        static const redis::Script script = Make(k##name); \
        return script;                                     \
    }

FACET_SCRIPT(Enqueue)
FACET_SCRIPT(Reserve)
FACET_SCRIPT(Ready)
FACET_SCRIPT(Renew)
FACET_SCRIPT(End)
FACET_SCRIPT(Cancel)
FACET_SCRIPT(Requeue)
FACET_SCRIPT(Reclaim)
FACET_SCRIPT(TakeBack)
FACET_SCRIPT(Purge)
FACET_SCRIPT(Forget)
FACET_SCRIPT(Stats)
FACET_SCRIPT(List)
FACET_SCRIPT(Bury)

#undef FACET_SCRIPT

}  // namespace facet::tasks::scripts
