import { buildCtBrainModel, POSTER_VARIANTS, vgg16 } from 'ct-multilabel';
import { drawModelGraph } from './draw_model_graph';
import type { CtBrainVariant } from '../src/models/options';

/** Drawings of the seven published arrangements and the recommended one, by file name. */
export function drawVariants(): Record<string, string> {
  const backbone = vgg16({ inputShape: [224, 224, 1] });
  try {
    return Object.fromEntries(
      [...Object.keys(POSTER_VARIANTS), 'recommended'].map((name) => {
        const variant = name as CtBrainVariant;
        const model = buildCtBrainModel({ variant, backbone });
        try {
          return [variantFile(variant), drawModelGraph(model, variant)];
        } finally {
          model.layers.filter(({ name: layer }) => layer !== 'backbone').forEach((layer) => layer.dispose());
        }
      }),
    );
  } finally {
    backbone.dispose();
  }
}

/** `VGG16 + SDL(GRU) + LRNN` as `variant-vgg16-sdl-gru-lrnn.svg`. */
const variantFile = (variant: CtBrainVariant) =>
  `variant-${variant
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((part) => part !== '')
    .join('-')}.svg`;
