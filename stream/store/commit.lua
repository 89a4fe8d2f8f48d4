-- Writes a batch of one user partition, all of it or nothing.
--
-- KEYS[1]  string  the owner's token
-- KEYS[2]  hash    topic identity -> the next offset to be read
-- KEYS[3]  zset    waiting index: member '["item id","user id"]', score: deadline in ms since 1970
-- KEYS[4]  string  MessagePack: whose lists this write makes, and the events that each names
-- KEYS[5]  zset    digests of erased users, score: when they were erased, in ms since 1970
-- KEYS[6]  hash    user -> what is known of the list that stands on the topic
-- KEYS[7]  string  MessagePack: what this write did about commands, to be told once it is done
-- KEYS[8…] string  a user's record each: first those that go, then those that are written
--
-- ARGV[1]  my token
-- ARGV[2]  seconds until an idle user's record expires
-- ARGV[3]  number of offsets o; then o times: field, expected (empty: none stored), new
-- then     number of additions a to the waiting index; then a times: score, member
-- then     number of removals r; then r times: member
-- then     the value of KEYS[4] (empty: leave what stands there)
-- then     the value of KEYS[7] (empty: none)
-- then     number of lists l that were published; then l times: user, what is known of it
-- then     number of users u of whose lists nothing is known any more; then u times: user
-- then     number of records that go
-- then     number of erasures e; if any: drop digests up to this time, seconds that the rest is kept;
--          then e times: time, digest
-- then     one record for each of KEYS[8…] that are written
--
-- Returns  'written'   done now
--          'repeated'  was done before: these very offsets stand there (an answer got lost on the way)
--          'token'     refused: another worker owns the partition
--          'offsets'   refused: the store is not where the caller thinks it is
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 'token'
end

local at = 4
local offsets = tonumber(ARGV[3])
local expected, repeated = true, offsets > 0
for i = 1, offsets do
  local stored = redis.call('HGET', KEYS[2], ARGV[at]) or ''
  expected = expected and stored == ARGV[at + 1]
  repeated = repeated and stored == ARGV[at + 2]
  at = at + 3
end
if repeated and not expected then
  return 'repeated'
end
if not expected then
  return 'offsets'
end

at = 4
for _ = 1, offsets do
  redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 2])
  at = at + 3
end

local added = tonumber(ARGV[at])
at = at + 1
for _ = 1, added do
  redis.call('ZADD', KEYS[3], ARGV[at], ARGV[at + 1])
  at = at + 2
end

local removed = tonumber(ARGV[at])
at = at + 1
for _ = 1, removed do
  redis.call('ZREM', KEYS[3], ARGV[at])
  at = at + 1
end

if ARGV[at] ~= '' then
  redis.call('SET', KEYS[4], ARGV[at])
end
at = at + 1

if ARGV[at] ~= '' then
  redis.call('SET', KEYS[7], ARGV[at])
else
  redis.call('DEL', KEYS[7])
end
at = at + 1

local listed = tonumber(ARGV[at])
at = at + 1
for _ = 1, listed do
  redis.call('HSET', KEYS[6], ARGV[at], ARGV[at + 1])
  at = at + 2
end

local unlisted = tonumber(ARGV[at])
at = at + 1
for _ = 1, unlisted do
  redis.call('HDEL', KEYS[6], ARGV[at])
  at = at + 1
end

local going = tonumber(ARGV[at])
for i = 8, 7 + going do
  redis.call('DEL', KEYS[i])
end

local erased = tonumber(ARGV[at + 1])
at = at + 2
if erased > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', ARGV[at])
  local kept = ARGV[at + 1]
  at = at + 2
  for _ = 1, erased do
    redis.call('ZADD', KEYS[5], 'GT', ARGV[at], ARGV[at + 1])
    at = at + 2
  end
  redis.call('EXPIRE', KEYS[5], kept)
end

for i = 8 + going, #KEYS do
  redis.call('SET', KEYS[i], ARGV[at], 'EX', ARGV[2])
  at = at + 1
end
return 'written'
