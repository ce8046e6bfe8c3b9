"""Driving a loop step by step."""

import tricorn


def run_turn(loop: tricorn.Loop) -> None:
    """Exactly one turn."""
    loop.stop()
    loop.run_forever()
