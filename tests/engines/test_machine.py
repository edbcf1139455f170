"""What instance types claim of a machine."""

from sagesse.engines.instance_type import instance_type
from sagesse.engines.machine import GIB, Demand, Machine, gpu_count, memory_bytes


def test_a_vcpu_is_a_core_and_memory_is_memory() -> None:
    machine = Machine(cores=64, memory_bytes=512 * GIB)
    assert machine.demand(instance_type("ml.m5.xlarge")) == Demand(4, 16 * GIB)


def test_instances_add_up() -> None:
    machine = Machine(cores=64, memory_bytes=512 * GIB)
    assert machine.demand(instance_type("ml.m5.xlarge"), 3) == Demand(12, 48 * GIB)


def test_with_little_memory_per_core_the_types_keep_their_proportions() -> None:
    machine = Machine(cores=8, memory_bytes=8 * GIB)
    general, memory = (machine.demand(instance_type(name)) for name in ("ml.m5.large", "ml.r5.large"))
    assert general == Demand(2, 2 * GIB)
    assert memory == Demand(2, 4 * GIB)


def test_a_scale_makes_instances_smaller() -> None:
    machine = Machine(cores=8, memory_bytes=64 * GIB, scale=0.25)
    assert machine.demand(instance_type("ml.m5.2xlarge")) == Demand(2, 8 * GIB)
    assert machine.demand(instance_type("ml.m5.large")).cores == 1


def test_gpus_are_claimed_where_there_are_some() -> None:
    with_gpus = Machine(cores=8, memory_bytes=64 * GIB, gpus=2)
    without = Machine(cores=8, memory_bytes=64 * GIB)
    assert with_gpus.demand(instance_type("ml.p3.8xlarge")).gpus == 2
    assert without.demand(instance_type("ml.p3.8xlarge")).gpus == 0


def test_this_machine_has_memory() -> None:
    assert memory_bytes() > GIB // 4
    assert gpu_count() >= 0
