/**
 * The backbones: each one exported here can be chosen by its name, and is exported by the package.
 *
 * Each is a function of its options that returns a model `[n, height, width, channels]` to `[n, features]`.
 */

export { densenet121 } from './densenet121';
export { mobilenet_v2 } from './mobilenet_v2';
export { resnet18 } from './resnet18';
export { smallCnn } from './small_cnn';
export { squeezenet1_1 } from './squeezenet1_1';
export { vgg16 } from './vgg16';
