"""The page as a Hugging Face Space, which this folder is. `hf-bigru-asr demo` shows the same on your own machine."""

from hf_bigru_asr.demo.app import build, launch_options, new_folder
from hf_bigru_asr.demo.recognition import DemoRecognizer

if __name__ == "__main__":
    folder = new_folder()
    # A Space says by its environment where to listen; elsewhere Gradio serves this machine alone.
    build(DemoRecognizer(), folder).launch(**launch_options(folder))
