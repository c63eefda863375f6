/** The recurrences as units of work: the arguments of each, except the scratch memory, are a row of a table. */
import { gruBackward, gruForward } from './gru';
import { lstmBackward, lstmForward } from './lstm';

/** @param table - `[units, 13]`: arguments of {@link gruForward}. */
export function gruForwardUnit(unit: i32, scratch: usize, table: usize): void {
  const at = table + <usize>(unit * 52);
  gruForward(
    load<i32>(at), // rows
    load<i32>(at, 4), // steps
    load<i32>(at, 8), // batch
    load<i32>(at, 12), // units
    load<usize>(at, 16), // x
    load<usize>(at, 20), // kernel
    load<usize>(at, 24), // bias
    load<usize>(at, 28), // mask
    load<i32>(at, 32) != 0, // reverse
    load<usize>(at, 36), // states
    load<usize>(at, 40), // gates
    load<usize>(at, 44), // y
    load<usize>(at, 48), // yStep
    scratch,
  );
}

/** @param table - `[units, 14]`: arguments of {@link gruBackward}. */
export function gruBackwardUnit(unit: i32, scratch: usize, table: usize): void {
  const at = table + <usize>(unit * 56);
  gruBackward(
    load<i32>(at), // steps
    load<i32>(at, 4), // batch
    load<i32>(at, 8), // units
    load<usize>(at, 12), // dy
    load<usize>(at, 16), // dyStep
    load<usize>(at, 20), // kernel
    load<usize>(at, 24), // mask
    load<i32>(at, 28) != 0, // reverse
    load<usize>(at, 32), // states
    load<usize>(at, 36), // gates
    load<usize>(at, 40), // dx
    load<usize>(at, 44), // dKernel
    load<usize>(at, 48), // dBias
    load<usize>(at, 52), // dInitial
    scratch,
  );
}

/** @param table - `[units, 12]`: arguments of {@link lstmForward}. */
export function lstmForwardUnit(unit: i32, scratch: usize, table: usize): void {
  const at = table + <usize>(unit * 48);
  lstmForward(
    load<i32>(at), // rows
    load<i32>(at, 4), // steps
    load<i32>(at, 8), // batch
    load<i32>(at, 12), // units
    load<usize>(at, 16), // kernel
    load<usize>(at, 20), // bias
    load<i32>(at, 24) != 0, // reverse
    load<usize>(at, 28), // states
    load<usize>(at, 32), // cells
    load<usize>(at, 36), // gates
    load<usize>(at, 40), // y
    load<usize>(at, 44), // yStep
    scratch,
  );
}

/** @param table - `[units, 13]`: arguments of {@link lstmBackward}. */
export function lstmBackwardUnit(unit: i32, scratch: usize, table: usize): void {
  const at = table + <usize>(unit * 52);
  lstmBackward(
    load<i32>(at), // steps
    load<i32>(at, 4), // batch
    load<i32>(at, 8), // units
    load<usize>(at, 12), // dy
    load<usize>(at, 16), // dyStep
    load<usize>(at, 20), // kernel
    load<i32>(at, 24) != 0, // reverse
    load<usize>(at, 28), // states
    load<usize>(at, 32), // cells
    load<usize>(at, 36), // gates
    load<usize>(at, 40), // dKernel
    load<usize>(at, 44), // dBias
    load<usize>(at, 48), // dInitial
    scratch,
  );
}
