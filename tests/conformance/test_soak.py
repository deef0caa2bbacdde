"""Many tasks, four workers, random kills. FACET_SOAK_TASKS sets the number of tasks (100,000 before a release)."""

import os
import random
import threading
import time

import pytest

from conftest import one_server, send_many, wait_for

TASKS = int(os.environ.get("FACET_SOAK_TASKS", "5000"))


# ---- 24: soak --------------------------------------------------------------------------------

@pytest.mark.slow
@one_server
def test_random_kills_lose_and_double_nothing(app, broker, make_probe, results, record_property):
    chance = random.Random(24)
    probes = [make_probe("--lease", 1000, "--reap", 100) for _ in range(4)]
    sent = []
    began = time.monotonic()
    producer = threading.Thread(target=lambda: sent.extend(send_many(app, TASKS)), daemon=True)
    producer.start()
    redis = broker.client()
    kills = 0
    most_leased = 0
    while len(results.of) < TASKS:
        assert time.monotonic() - began < 60 + TASKS / 100, f"{len(results.of)} of {TASKS}"
        time.sleep(chance.uniform(0.1, 0.5))
        victim = chance.choice(probes)
        victim.kill()
        kills += 1
        most_leased = max(most_leased, redis.zcard("facet:lease"))
        victim.start()
    producer.join(30)
    took = time.monotonic() - began
    again = sum(int(redis.hget(f"facet:task:{task}", "att")) > 1 for task in sent)
    for name, value in (("tasks", TASKS), ("kills", kills), ("started_again", again), ("seconds", round(took, 1)),
                        ("most_leased", most_leased)):
        record_property(name, value)

    # Each has one result, and it is the right one.
    assert len(sent) == TASKS and len(results.of) == TASKS
    wrong = {task: results.of.get(task) for i, task in enumerate(sent) if results.of.get(task) != [("SUCCESS", i)]}
    assert not wrong
    assert kills >= 3
    # What is left are the records and results of the tasks, which end with their time, and a few keys of a fixed number.
    wait_for(lambda: redis.zcard("facet:lease") == 0)
    assert most_leased <= 4 * 2 + kills
    assert redis.llen("celery") == 0 and redis.zcard("facet:delayed") == 0 and redis.llen("facet:dead") == 0
    assert redis.zcard("facet:state:done") == redis.zcard("facet:finished") == TASKS
    assert redis.dbsize() <= 2 * TASKS + 20
    assert redis.ttl(f"celery-task-meta-{sent[0]}") > 0
    assert redis.hlen("facet:last") <= 4
