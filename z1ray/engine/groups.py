"""Placement groups of engines that span several nodes.

ray.data.llm makes one for every such engine and never removes it, so its GPUs would stay
taken until the driver ends, and the next teacher would wait for them for ever.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ray.util.placement_group import PlacementGroup


class EngineGroups:
    """Makes a placement group for each engine, as Ray Data asks, and removes them all at the end.

    Args:
        placement: Arguments of ``ray.util.placement_group``.
    """

    def __init__(self, placement: dict[str, Any]) -> None:
        self._placement = placement
        self._groups: list[PlacementGroup] = []

    def __call__(self) -> dict[str, Any]:
        """Remote arguments of the next engine's actor, whose workers share its group."""
        import ray
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        group = ray.util.placement_group(**self._placement)
        self._groups.append(group)
        return {
            "scheduling_strategy": PlacementGroupSchedulingStrategy(group, placement_group_capture_child_tasks=True)
        }

    def remove(self) -> None:
        """Give their resources back; the engines must have ended."""
        import ray

        while self._groups:
            ray.util.remove_placement_group(self._groups.pop())
