"""`leads demo`: five minutes of a team's day, played on the offline twin with the live system beside it.

What belongs here: made-up leads, the scenes, and how they are played. What runs them is `live`, what they are played on
`sandbox`, and where it is seen the dashboard; the command line puts the four together.
"""
