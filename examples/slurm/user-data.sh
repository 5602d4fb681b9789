#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# user-data.sh KEY COUNT >user-data - as examples/mpi/user-data.sh, and Slurm on the COUNT VMs: vm1 schedules, all of them compute
set -euo pipefail
key=${1:?usage: user-data.sh KEY COUNT >user-data} count=${2:?usage: user-data.sh KEY COUNT >user-data}
"$(dirname "$0")/../mpi/user-data.sh" "$key"
cat <<END
# munge wants a secret that all VMs share: they share this key.
sha512sum </root/.ssh/id_ed25519 >/etc/munge/munge.key
chown munge: /etc/munge/munge.key
umask 022
service munge start
mkdir -p /etc/slurm /run/slurmd
cat >/etc/slurm/slurm.conf <<CONF
ClusterName=order
SlurmctldHost=vm1
SlurmUser=root
StateSaveLocation=/run/slurmctld
SlurmdSpoolDir=/run/slurmd
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
ReturnToService=2
NodeName=vm[1-$count] CPUs=\$(nproc)
PartitionName=all Nodes=ALL Default=YES
CONF
# Left to itself it takes cgroup v2 and looks for systemd.
echo CgroupPlugin=cgroup/v1 >/etc/slurm/cgroup.conf
[ "\$(hostname)" != vm1 ] || slurmctld
slurmd
END
