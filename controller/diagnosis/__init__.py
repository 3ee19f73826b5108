"""Diagnoses executions. Pure: it reads traces that a caller has fetched and makes no calls of its own.

Read a trace (`open_execution`, `VersionedReader`), make an `Analysis` of it, and render it with
`timeline.timeline`, `report.report` or `page.page`. Action traces are in `controller.diagnosis.action`.
"""
