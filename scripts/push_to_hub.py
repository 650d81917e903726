"""Push a trained model with its code, card and evaluation records to the Hugging Face Hub.

python scripts/push_to_hub.py --repo_id NAMESPACE/NAME --evaluation evaluation_clean.json evaluation_other.json

The token comes from HF_TOKEN or from `hf auth login`. To see what would be pushed, without a network or a token:

python scripts/push_to_hub.py --repo_id NAMESPACE/NAME --dry_run release
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

from collections.abc import Sequence

from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.cli.push import PushArguments, push
from hf_bigru_asr.hub.release import HubError


def main(argv: Sequence[str] | None = None) -> None:
    """Assemble the release and, unless it is a dry run, push it."""
    parser = CommandParser(PushArguments, description=__doc__.partition("\n")[0])
    (arguments,) = parser.parse(argv)
    with parser.refusals(HubError):
        push(arguments)


if __name__ == "__main__":
    main()
