"""A Python producer of the original system, as a process of its own: producer.py REDIS_URL. Reads calls, one JSON a
line ([name, args, kwargs], or the id of a task to wait for), and answers each with {"value": …} or {"error": "…"}."""

import json
import sys

import celery

app = celery.Celery(broker=sys.argv[1], backend=sys.argv[1])
for line in sys.stdin:
    call = json.loads(line)
    if isinstance(call, str):
        result = app.AsyncResult(call)
    else:
        name, args, kwargs = call
        result = app.send_task(f"celery_tasks.{name}", args, kwargs)
    try:
        answer = {"value": result.get(timeout=60)}
    except Exception as error:
        answer = {"error": str(error)}
    print(json.dumps(answer), flush=True)
