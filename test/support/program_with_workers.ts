/** A program of its own, for tests of how it ends: it asks for threads that prepare slices, and has nothing for them to do. */
import { SliceFileSource } from '../../src/node/study/slice_file_source';
import { createPreprocessing } from '../../src/transforms/preprocessing';

const slice = { slice: 'p_0.png', file: 'nowhere.png', format: 'image' } as const;
await SliceFileSource.open(new Map([['p', [slice]]]), ['x'], {
  preprocessing: createPreprocessing(),
  workers: 2,
});
// long enough for the threads to have started
setTimeout(() => console.log('done'), Number(process.argv[2]));
