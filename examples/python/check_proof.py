"""Checks that audit entries are part of a trail: python3 check_proof.py FILE [SIZE:ROOT]

FILE holds proofs, one JSON object a line, as `onward audit proof --out` and evidence packs write them.
SIZE:ROOT is a tree that was kept, as `onward audit checkpoint` prints it.
Needs nothing but Python. What is hashed is said in docs/auditing.md and in RFC 9162, section 2.1.
"""

import hashlib
import json
import sys
from typing import Any

KINDS = ["batch_accepted", "case_judged", "alert_raised", "alert_updated", "alert_closed", "alert_reviewed",
         "alert_settings_changed", "job_started", "job_cancelled"]


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def entry_hash(entry: dict[str, Any]) -> bytes:
    parts = [b"onward audit entry 1\0"]
    parts += [entry["sequence"].to_bytes(8, "little"), entry["at_unix_millis"].to_bytes(8, "little")]
    parts += [(1 + KINDS.index(entry["kind"])).to_bytes(2, "little")]
    for text in [entry["tenant"].encode(), entry["subject"].encode()]:
        parts += [len(text).to_bytes(8, "little"), text]
    return sha256(*parts, bytes.fromhex(entry["detail_hash"]), bytes.fromhex(entry["previous"]))


def root_hash(proof: dict[str, Any]) -> bytes:
    place, last = proof["leaf_index"], proof["tree_size"] - 1
    if not 0 <= place <= last:
        raise ValueError("no such leaf")
    node = sha256(b"\0", entry_hash(proof["entry"]))
    for other in map(bytes.fromhex, proof["hashes"]):
        if last == 0:
            raise ValueError("too many hashes")
        while place == last and place % 2 == 0:
            place, last = place // 2, last // 2
        node = sha256(b"\1", other, node) if place % 2 == 1 else sha256(b"\1", node, other)
        place, last = place // 2, last // 2
    if last > 0:
        raise ValueError("too few hashes")
    return node


def main() -> None:
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    trees = set(sys.argv[2:])
    count = 0
    with open(sys.argv[1], encoding="utf-8") as lines:
        for line in lines:
            proof = json.loads(line)
            if root_hash(proof).hex() != proof["root_hash"]:
                sys.exit(f"entry {proof['entry']['sequence']} is not proven")
            trees.add(f"{proof['tree_size']}:{proof['root_hash']}")
            count += 1
    if len(trees) != 1:
        sys.exit(f"not one tree: {sorted(trees)}")
    print(f"{count} entries are part of the trail with the tree {trees.pop()}")


if __name__ == "__main__":
    main()
