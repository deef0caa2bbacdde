"""The tasks of celery_probe for a stock Celery worker."""

import os
import time

from celery import Celery

app = Celery("celery_tasks", broker=os.environ["STOCK_URL"], backend=os.environ["STOCK_URL"])


@app.task(name="celery_tasks.add")
def add(x, y):
    return x + y


@app.task(name="celery_tasks.echo")
def echo(*args, **kwargs):
    return {"args": list(args), "kwargs": kwargs}


@app.task(name="celery_tasks.fail")
def fail(message):
    raise ValueError(message)


@app.task(name="celery_tasks.flaky", bind=True, max_retries=3)
def flaky(self, failures, **options):
    if self.request.retries < failures:
        raise self.retry(exc=RuntimeError("not yet"), countdown=0, **options)
    return self.request.retries + 1


@app.task(name="celery_tasks.sleep")
def sleep(seconds):
    time.sleep(seconds)
