// What a model is called.

/** As `ct-multilabel predict --dicom-out` calls it: a variant by its published name, in which another backbone takes the place of VGG16. */
export function builtFrom({ variant, backbone }: Record<string, unknown>): string {
  const known = typeof backbone === 'string' ? backbone : undefined;
  if (typeof variant !== 'string') return known ?? 'a model';
  return known === undefined || known === 'vgg16' ? variant : variant.replace(/^VGG16/, known);
}
