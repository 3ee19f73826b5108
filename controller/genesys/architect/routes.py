"""Routes that several modules of the architect dialect share."""

FLOW = "/api/v2/flows/{flowId}"
