-- Makes a snapshot of the item statistics the one that counts.
--
-- KEYS[1]  string  the owner's token of user partition 0
-- KEYS[2]  string  the key of the snapshot that counts
-- KEYS[3]  hash    the snapshot that was written now
-- KEYS[4]  hash    the one that counted before, as the caller read it (missing: there was none)
--
-- ARGV[1]  my token
-- ARGV[2]  seconds that the one before stays, for those who are reading it
--
-- Returns  'written'  done now, or before: an answer got lost on the way
--          'token'    refused: another worker owns the partition
--          'gone'     refused: what was written has expired meanwhile
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 'token'
end
if redis.call('GET', KEYS[2]) == KEYS[3] then
  return 'written'
end
if redis.call('EXISTS', KEYS[3]) == 0 then
  return 'gone'
end
redis.call('PERSIST', KEYS[3])
redis.call('SET', KEYS[2], KEYS[3])
if KEYS[4] then
  redis.call('EXPIRE', KEYS[4], ARGV[2])
end
return 'written'
