"""Makes the code for Onward's messages and calls, and its types, from the proto files: `python generate.py [FOLDER]`."""

import subprocess
import sys
from importlib import resources
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROTO = HERE.parent.parent / "proto"


def main() -> int:
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "generated"
    out.mkdir(parents=True, exist_ok=True)
    kinds = [f"--python_out={out}", f"--grpc_python_out={out}", f"--mypy_out=quiet:{out}", f"--mypy_grpc_out=quiet:{out}"]
    # Those of mypy-protobuf stand beside the interpreter of a virtual environment, which need not be in the path.
    programs = Path(sys.executable).parent
    plugins = [f"--plugin=protoc-gen-{kind}={programs / f'protoc-gen-{kind}'}" for kind in ("mypy", "mypy_grpc")]
    # The messages of `google.protobuf`, which come with the tools.
    common = resources.files("grpc_tools") / "_proto"
    files = sorted(str(path) for path in PROTO.glob("onward/v1/*.proto"))
    compiler = [sys.executable, "-m", "grpc_tools.protoc"]
    return subprocess.run([*compiler, f"-I{PROTO}", f"-I{common}", *plugins, *kinds, *files], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
