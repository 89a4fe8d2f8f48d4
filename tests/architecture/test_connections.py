"""Clients of Kafka and Redis are made in one way each: with all that the settings say of how they are reached."""

import ast

from tests.architecture.tree import PACKAGES, Module, modules

_SETTINGS = {"settings", "_settings"}
_MAY_TAKE_THE_ADDRESS = {"check_reachable", "origin"}  # beside what is said in words
_REDIS = {"Redis", "RedisCluster", "StrictRedis"}
_MAKE_REDIS = {"serving.redis.clients"}


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _addresses_handed_on(module: Module) -> list[str]:
    """Calls that are given `settings.bootstrap`, which says nothing of TLS and logins."""
    return [
        f"{module.path}:{call.lineno} {_name(call.func)}"
        for call in ast.walk(module.tree)
        if isinstance(call, ast.Call) and _name(call.func) not in _MAY_TAKE_THE_ADDRESS
        for value in (*call.args, *(each.value for each in call.keywords))
        if isinstance(value, ast.Attribute) and value.attr == "bootstrap" and _name(value.value) in _SETTINGS
    ]


def test_clients_of_kafka_are_told_how_it_is_secured() -> None:
    wrong = [each for module in modules() if module.package in PACKAGES for each in _addresses_handed_on(module)]

    assert not wrong, f"hand on settings.brokers: {wrong}"


def test_clients_of_redis_are_made_in_one_module() -> None:
    wrong = [
        f"{module.path}:{call.lineno}"
        for module in modules()
        if module.package in set(PACKAGES) - {"benchmarks"} and module.name not in _MAKE_REDIS
        for call in ast.walk(module.tree)
        if isinstance(call, ast.Call)
        and (
            _name(call.func) in _REDIS
            or (
                _name(call.func) == "from_url"
                and isinstance(call.func, ast.Attribute)
                and _name(call.func.value) in _REDIS
            )
        )
    ]

    assert not wrong, f"use serving/redis/clients.py: {wrong}"
