/** The training as recorded in a run's configuration, whose contents depend on the program that trained. */
import { isRecord } from '../base/checks';
import type { EpochLog } from '../training/stages/stage_log';
import { html, table, type Html, type Part } from './html';

const NOT_RECORDED = 'not recorded';

/** A stage's key in the configuration, and its name in the history. */
const STAGES = [['pretrain', 'pretrain'], ['warmUp', 'warm-up'], ['patients', 'patients']] as const; // prettier-ignore

/** Rows of the model card on how the model was trained. */
export function trainingRows(
  config: Readonly<Record<string, unknown>> | undefined,
  epochs: readonly EpochLog[] | undefined,
): (readonly [string, Part])[] {
  const { data, split, weights, origin, augment, patience, seed } = config ?? {};
  const { commit, weightsSha256 } = isRecord(origin) ? origin : {};
  return [
    ['Training data', studies(data)],
    ['Patients', patients(split)],
    ['Stages', stages(config, epochs)],
    ['Augmentation', augment === false ? 'none' : values(augment)],
    ['Early stopping', patience === undefined ? NOT_RECORDED : html`after ${text(patience)} epochs without a better validation F2`],
    ['Seed', seed === undefined ? NOT_RECORDED : text(seed)],
    ['Initial weights', initialWeights(weights, weightsSha256)],
    ['Commit', commit === undefined ? NOT_RECORDED : html`${text(commit)}, of the folder in which the training was started`],
  ];
} // prettier-ignore

/** Each setting of a record on its own line. */
export function values(record: unknown): Part {
  if (!isRecord(record)) return record === undefined ? NOT_RECORDED : text(record);
  const entries = Object.entries(record);
  if (entries.length === 0) return NOT_RECORDED;
  return entries.map(([name, value]) => html`${name}: ${text(value)}<br /> `);
}

const text = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? 'none');

function studies(data: unknown): Part {
  const folders = Array.isArray(data) ? data : [data];
  return data === undefined || data === null ? NOT_RECORDED : folders.map(text).join(', ');
}

function patients(split: unknown): Part {
  if (!isRecord(split)) return NOT_RECORDED;
  const side = (name: string) => {
    const names = split[name];
    return `${name} ${Array.isArray(names) ? names.length : NOT_RECORDED}`;
  };
  return ['train', 'validation', 'test'].map(side).join(', ');
}

/** Learning rate of each stage, and its epochs: as configured, and as trained. */
function stages(config: Readonly<Record<string, unknown>> | undefined, epochs: readonly EpochLog[] | undefined): Part {
  const rows = STAGES.flatMap(([key, name]): Part[][] => {
    const given = config?.[key];
    const trained = epochs?.filter(({ stage }) => stage === name).length;
    if (given === false) return [[name, 'left out', '', '', '']];
    if (!isRecord(given) && !trained) return [];
    const { epochs: most, learningRate, decay, ...others } = isRecord(given) ? given : {};
    const of = (value: unknown) => (value === undefined ? NOT_RECORDED : text(value));
    return [[name, rate(learningRate), of(decay), `${trained ?? NOT_RECORDED} of ${of(most)}`, rest(others)]];
  });
  if (rows.length === 0) return NOT_RECORDED;
  return table(['stage', 'learning rate', 'decay', 'epochs trained, of at most', 'other settings'], rows);
} // prettier-ignore

function rate(value: unknown): Part {
  if (value === undefined) return NOT_RECORDED;
  if (!isRecord(value)) return text(value);
  return Object.entries(value).map(([part, own]) => html`${part} ${text(own)}<br /> `);
}

const rest = (others: object): Html =>
  html`<span class="text"
    >${Object.entries(others).map(([name, value]) => html`${name} ${text(value)}<br /> `)}</span
  >`;

function initialWeights(weights: unknown, sha256: unknown): Part {
  if (weights === undefined) return NOT_RECORDED;
  if (weights === null) return 'none: trained from random weights';
  return html`${text(weights)}, SHA-256 ${sha256 === undefined ? NOT_RECORDED : text(sha256)}`;
}
