/* pzh: command line of the personal zone hub. */
#include "cli/run.h"

int
main(int argc, char **argv)
{
	return pz_cli_main(&pz_pzh_program, argc, argv);
}
