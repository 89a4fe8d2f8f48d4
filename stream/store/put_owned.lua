-- Writes a value that only the owner of user partition 0 may write.
--
-- KEYS[1]  string  the owner's token of user partition 0
-- KEYS[2]  string  what is written
--
-- ARGV[1]  my token
-- ARGV[2]  the value
--
-- Returns  'written'
--          'token'    refused: another worker owns the partition
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 'token'
end
redis.call('SET', KEYS[2], ARGV[2])
return 'written'
