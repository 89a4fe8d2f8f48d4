"""Only the owner of user partition 0 writes the blend's weights, by its token; everybody reads them."""

from stream.store.redis_calls import connect
from stream.store.shared_blend import SharedBlend
from stream.store.statistics_snapshots import WRITER


async def test_the_store_refuses_whoever_is_not_the_owner(redis_url: str, prefix: str) -> None:
    redis = connect(redis_url)
    try:
        await redis.set(f"{{{prefix}:{WRITER}}}:owner", "mine")
        owner, before = SharedBlend(redis, prefix, lambda: "mine"), SharedBlend(redis, prefix, lambda: "old")
        nobody = SharedBlend(redis, prefix)

        assert await owner.write(b"learned")
        assert not await before.write(b"stale")
        assert not await nobody.write(b"stale")
        assert await SharedBlend(redis, prefix).read() == b"learned"

        await redis.delete(f"{{{prefix}:{WRITER}}}:owner")
        assert not await nobody.write(b"stale"), "no owner is none of ours"
        assert await nobody.read() == b"learned"
    finally:
        await redis.aclose()
