/* SPDX-License-Identifier: Apache-2.0
 * ring.c - an MPI program that shows whether the ranks reach each other: a ring of messages, then a reduction
 *
 * mpicc -O2 -o ring ring.c; mpirun --host vm1,vm2,vm3 ./ring
 * A block goes around the ring, each rank adding its number to every word, and comes back to rank 0. Then the ranks integrate
 * 4 / (1 + x^2) from 0 to 1, each its share of the steps, and MPI_Reduce adds up pi. Exit status 1 if anything is wrong.
 */
#include <math.h>
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORDS = 65536, LAPS = 4, STEPS = 3000000 };

/* True where every word of rank 0's block has been added to by every rank in every lap. */
static int ring(int rank, int size)
{
	static int64_t block[WORDS];
	int next = (rank + 1) % size, before = (rank + size - 1) % size;

	for (int lap = 0; lap < LAPS; lap++) {
		if (rank > 0)
			MPI_Recv(block, WORDS, MPI_INT64_T, before, lap, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
		for (int i = 0; i < WORDS; i++)
			block[i] += rank + 1;
		if (size > 1)
			MPI_Send(block, WORDS, MPI_INT64_T, next, lap, MPI_COMM_WORLD);
		if (rank == 0 && size > 1)
			MPI_Recv(block, WORDS, MPI_INT64_T, before, lap, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
	}
	for (int i = 0; rank == 0 && i < WORDS; i++)
		if (block[i] != (int64_t)LAPS * size * (size + 1) / 2)
			return 0;
	return 1;
}

static double pi(int rank, int size)
{
	double share = 0, sum = 0;

	for (int i = rank; i < STEPS; i += size) {
		double x = (i + 0.5) / STEPS;

		share += 4 / (1 + x * x);
	}
	MPI_Reduce(&share, &sum, 1, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
	return sum / STEPS;
}

int main(int argc, char **argv)
{
	char name[MPI_MAX_PROCESSOR_NAME];
	int rank, size, length, good;
	double begun, sum;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	MPI_Get_processor_name(name, &length);
	printf("rank %d of %d on %s\n", rank, size, name);
	fflush(stdout);

	begun = MPI_Wtime();
	good = ring(rank, size);
	if (rank == 0)
		printf("ring: %d KiB, %d laps through %d ranks, %s, %.3f s\n", (int)(WORDS * sizeof(int64_t) / 1024), LAPS, size,
		       good ? "all words right" : "WRONG", MPI_Wtime() - begun);
	begun = MPI_Wtime();
	sum = pi(rank, size);
	if (rank == 0) {
		good = good && fabs(sum - 3.14159265358979) < 1e-9;
		printf("reduction: pi = %.9f, %.3f s\n", sum, MPI_Wtime() - begun);
	}
	MPI_Bcast(&good, 1, MPI_INT, 0, MPI_COMM_WORLD);
	MPI_Finalize();
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
