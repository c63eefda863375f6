/** As `index.ts` beside it. */
export * from '../../../src/node';
