-- Makes room for a snapshot of the item statistics: notes its name, and removes the copies that count no more.
--
-- KEYS[1]  string  the owner's token of user partition 0
-- KEYS[2]  set     names of the copies that were written, or begun
-- KEYS[3]  hash    the snapshot that is written next
-- KEYS[4…] hash    copies that go: all that were noted, but for the one that counts
--
-- ARGV[1]  my token
--
-- Returns  'noted'  done now, or before: an answer got lost on the way
--          'token'  refused: another worker owns the partition, and these copies may be its own
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 'token'
end
for i = 4, #KEYS do
  redis.call('UNLINK', KEYS[i])
  redis.call('SREM', KEYS[2], KEYS[i])
end
redis.call('SADD', KEYS[2], KEYS[3])
return 'noted'
