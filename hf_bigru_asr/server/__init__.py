"""An HTTP server of recognition without torch: OpenAI's interface for transcriptions, and a WebSocket for live sound.

It needs the extra `server`.
"""
