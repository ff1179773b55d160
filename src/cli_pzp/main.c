/* pzp: command line of the personal zone proxy. */
#include "cli/run.h"

int
main(int argc, char **argv)
{
	return pz_cli_main(&pz_pzp_program, argc, argv);
}
