"""The demonstration in a browser: a page that transcribes, and what it shows; without torch.

`app` alone needs Gradio. `hf-bigru-asr demo` and `demo/app.py` start it.
"""
