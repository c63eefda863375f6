/** Calibration and thresholds, fitted on validation predictions. */
import { chooseThresholds, fitCalibration, type Calibration, type CheckpointManifest } from '../index';
import { textTable } from './terminal';
import type { LabelledPredictions } from '../prediction/collect_predictions';

export interface FitChoices {
  calibrate: boolean;
  choose: boolean;
  /** Method of the calibration. */
  method: 'temperature' | 'platt';
}

/**
 * The manifest with the fitted calibration and thresholds, and the predictions with it for the same patients.
 *
 * @param predict - Predicts with or without a calibration.
 */
export async function fitted(
  manifest: CheckpointManifest,
  predict: (calibration: Calibration | undefined) => Promise<LabelledPredictions>,
  { calibrate, choose, method }: FitChoices,
): Promise<{ manifest: CheckpointManifest; predictions: LabelledPredictions }> {
  let { calibration, thresholds } = manifest;
  const { labels } = manifest;
  if (calibrate) {
    const { yTrue, probabilities, patients } = await predict(undefined);
    const fit = fitCalibration({ labels, yTrue, probabilities, patients, method });
    calibration = fit.calibration;
    const figure = (value: number | undefined) => value?.toFixed(4) ?? 'undefined';
    const rows = labels.map((label, l) => [
      label,
      ...[fit.logLossBefore[l], fit.logLossAfter[l]].map(figure),
      fit.kept.find((kept) => kept.label === label)?.reason ?? '',
    ]);
    console.log(`${textTable(['calibration', 'log loss before', 'after', 'not calibrated'], rows)}\n`);
  }
  // predicted again, rather than calibrated here, so that thresholds are chosen on exactly the numbers that the
  // checkpoint will give
  const predictions = await predict(calibration);
  if (choose) {
    const { yTrue, probabilities, patients } = predictions;
    const chosen = chooseThresholds({ labels, yTrue, probabilities, patients });
    thresholds = chosen.thresholds;
    const rows = labels.map((label, l) => [
      label,
      manifest.thresholds[l]!,
      thresholds[l]!,
      chosen.guarded.includes(label) ? 'few positive patients: pooled threshold' : '',
    ]);
    console.log(`${textTable(['threshold', 'before', 'chosen', ''], rows)}\n`);
  }
  return { manifest: { ...manifest, thresholds, calibration }, predictions };
}
