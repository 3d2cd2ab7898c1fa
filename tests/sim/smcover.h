/*
 * smcover.h - which moves of which state machine the simulation made.
 *
 * Every program that makes a world writes, when it ends, the allowed moves of each
 * machine that it met and whether it saw them made, to
 * $SYNCD_BUILD_DIR/sim-transitions/<program>; test_transitions reads them all.
 */
#ifndef SIM_SMCOVER_H
#define SIM_SMCOVER_H

void smcover_start(void);	/* more than once: no harm */

#endif
