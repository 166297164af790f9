"""Where people and other programs are told: messages through Apprise, signed webhooks, and what was told already.

What belongs here: the ways out and their memory. What is worth telling is `pipeline.alert_rules`' business.
"""
