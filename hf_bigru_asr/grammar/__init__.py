"""Recognition within a grammar: a list of phrases, or rules in the JSpeech Grammar Format. Without torch."""

from .decoder import GrammarDecoder, GrammarResult
from .grammars import Grammar
from .jsgf import JSGFError

__all__ = ["Grammar", "GrammarDecoder", "GrammarResult", "JSGFError"]
