import * as tf from '@tensorflow/tfjs';
import { escapeXml, svgDocument, textWidth } from './svg';

const LINE = 16;
const PADDING = 8;
const GAP = 24;
const TOP = 62;
const MARGIN = 12;

/** A layer as it is drawn. */
interface Box {
  layer: tf.layers.Layer;
  lines: string[];
  x: number;
  width: number;
}

/**
 * Draws a model of one path, as made by `buildCtBrainModel`, from left to right: a box per layer, with class, name, output shape and
 * weights; an arc for a connection that skips layers.
 *
 * Boxes, shapes and connections are read from the model's graph, so that the picture cannot differ from it.
 *
 * @returns The text of an SVG file.
 */
export function drawModelGraph(model: tf.LayersModel, title: string): string {
  const boxes: Box[] = [];
  let right = MARGIN;
  for (const layer of model.layers) {
    const lines = describeLayer(layer);
    const width = Math.max(...lines.map((line, i) => textWidth(line, 12, i === 0))) + 2 * PADDING;
    boxes.push({ layer, lines, x: right, width });
    right += width + GAP;
  }
  const height = 2 * PADDING + LINE * Math.max(...boxes.map(({ lines }) => lines.length));
  const middle = TOP + height / 2;
  const places = new Map(boxes.map((box, i) => [box.layer.name, i]));

  const arrows = boxes.flatMap((box, to) =>
    sourcesOf(box.layer).map((source) => {
      const from = places.get(source.name)!;
      if (from === to - 1) {
        const start = boxes[from]!.x + boxes[from]!.width;
        return `<path class="arrow" d="M${start},${middle} H${box.x - 2}"/>`;
      }
      return arcOver(boxes[from]!, box);
    }),
  );
  const width = right - GAP + MARGIN;
  return svgDocument(width, TOP + height + MARGIN, title, [
    `<text class="title" x="${MARGIN}" y="24">${escapeXml(title)}</text>`,
    ...arrows,
    ...boxes.map((box) => drawBox(box, height)),
  ]);
}

/** Text of a layer's box, beginning with its class. */
function describeLayer(layer: tf.layers.Layer): string[] {
  const inner = (layer as { layer?: tf.layers.Layer }).layer;
  const weights = layer.countParams();
  return [
    layer.getClassName(),
    ...(inner ? [`of ${inner instanceof tf.LayersModel ? inner.name : inner.getClassName()}`] : []),
    layer.name,
    shapeText(layer.outputShape as tf.Shape),
    weights === 0 ? 'no weights' : `${weights.toLocaleString('en')} weights`,
  ];
}

/** A shape without the batch; the axis of variable length is named 'slices'. */
function shapeText(shape: tf.Shape): string {
  return `[${shape.slice(1).map((size) => size ?? 'slices').join(', ')}]`; // prettier-ignore
}

/** The layers whose outputs are a layer's inputs. */
function sourcesOf(layer: tf.layers.Layer): tf.layers.Layer[] {
  const inputs = [layer.input].flat() as tf.SymbolicTensor[];
  return inputs.map(({ sourceLayer }) => sourceLayer).filter((source) => source !== layer);
}

/** From the top of one box to the top of another, over those between. */
function arcOver(from: Box, to: Box): string {
  const [start, end] = [from.x + from.width / 2, to.x + to.width / 2];
  return `<path class="arrow" d="M${start},${TOP} C${start},${TOP - 34} ${end},${TOP - 34} ${end},${TOP - 3}"/>`;
}

function drawBox({ lines, x, width }: Box, height: number): string {
  const classes = lines.map((_, i) => (i === 0 ? 'class' : i === lines.length - 2 ? 'shape' : 'detail'));
  const first = TOP + (height - LINE * lines.length) / 2 + 12;
  const texts = lines.map((line, i) => `<text class="${classes[i]}" x="${x + width / 2}" y="${first + i * LINE}">${escapeXml(line)}</text>`); // prettier-ignore
  return `<rect class="box" x="${x}" y="${TOP}" width="${width}" height="${height}" rx="6"/>${texts.join('')}`;
}
