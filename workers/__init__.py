"""The Celery side: app and schedule, a file a task, and what an infer worker is made of.

runtime puts together: life (lease), holder (versions), running (jobs here), outbox (news out), notices (news in).
"""
