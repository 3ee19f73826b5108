"""The API at `/api/v1`: FastAPI checks what comes in, our documents go out, errors are problem documents (RFC 9457).

`app` puts it together. `entrance` tells who asks and what they may see; `reads` and `past_reads` answer from the
store, `differences` may ask an organisation, `actions` pass on what people decide, and `events` tell listeners
that something changed. `inputs` are the parameters and bodies, `answers` and `problems` the responses, `openapi` the
description with its `examples` (and `past_examples`). What an answer says is decided in `questions`; nothing here
delivers.
"""
