"""The HTTP API: requests in, calls of the pipeline, JSON out.

What belongs here: routes, shapes, safety of the door. No rule about leads and no SQL: those are the pipeline's.
"""
