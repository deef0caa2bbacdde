"""The tasks of celery_probe for a stock Celery worker."""

import os
import time

from celery import Celery

app = Celery("celery_tasks", broker=os.environ["STOCK_URL"], backend=os.environ["STOCK_URL"])


@app.task(name="celery_tasks.add")
def add(x, y):
    return x + y


@app.task(name="celery_tasks.sleep")
def sleep(seconds):
    time.sleep(seconds)
