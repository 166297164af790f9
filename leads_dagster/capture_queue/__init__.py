"""The capture queue: leads handed over in bursts wait here, for certain, until the road takes them in.

What belongs here: keeping items, leasing them out, and where that happens. Not: what a lead is, nor what becomes of an
item. `items` has the shapes and limits, `protocol` what a queue can do, `file_queue` and `redis_queue` do it, `place`
gets from settings to a queue. The door for those who hand over is `leads_dagster.capture`.
"""
