"""Makes the code for Onward's messages and calls from its proto files: `python generate.py [FOLDER]`."""

import sys
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

HERE = Path(__file__).resolve().parent
PROTO = HERE.parent.parent / "proto"


def main() -> int:
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "generated"
    out.mkdir(parents=True, exist_ok=True)
    kinds = [f"--{kind}_out={out}" for kind in ("python", "pyi", "grpc_python")]
    # The messages of `google.protobuf`, which come with the tools.
    common = resources.files("grpc_tools") / "_proto"
    files = sorted(str(path) for path in PROTO.glob("onward/v1/*.proto"))
    return int(protoc.main(["protoc", f"-I{PROTO}", f"-I{common}", *kinds, *files]))


if __name__ == "__main__":
    sys.exit(main())
