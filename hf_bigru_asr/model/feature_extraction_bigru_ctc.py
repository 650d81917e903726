"""Log-mel features for the BiGRU-CTC recogniser."""

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from transformers import BatchFeature
from transformers.utils import logging

from .checked_files_bigru_ctc import FEATURE_RULES, check_features
from .checked_loading_bigru_ctc import CheckedFilesMixin
from .feature_padding_bigru_ctc import PaddedFeatureExtractor
from .feature_prior_bigru_ctc import check_prior, fit_prior
from .field_rules_bigru_ctc import check_fields
from .frame_grids_bigru_ctc import MAX_OFFSETS
from .mel_filters_bigru_ctc import MelScale, mel_filter_bank, mel_powers
from .speech_statistics_bigru_ctc import VARIANCE_FLOOR, SpeechPrior, normalize_by_speech
from .waveforms_bigru_ctc import AudioArray, list_of_waveforms

logger = logging.get_logger(__name__)

_FORMER_SETTINGS = ("global_mean", "global_std")
"""Fields of older files, of a normalisation that no released model had; dropped on loading."""


class BiGRUCTCFeatureExtractor(CheckedFilesMixin, PaddedFeatureExtractor):
    r"""Turns waveforms into normalised log-mel frames.

    Frame `i` stands for the samples `[i * hop_length, (i + 1) * hop_length)`, the last frame for what is left of the
    audio: `ceil(num_samples / hop_length)` frames. Its window is centred on that interval and sees zeros beyond the
    ends of the audio. So times are frames times `hop_length`, and chunks cut at multiples of it fit seamlessly.
    Threads can share it, but for `fit_prior` and `set_num_offsets`, which change it.

    Args:
        feature_size (`int`, defaults to 128): Mel bins per frame.
        sampling_rate (`int`, defaults to 16000): Sampling rate of the audio in Hz.
        hop_length (`int`, defaults to 320): Samples per frame (20 ms).
        win_length (`int`, defaults to 512): Samples of the periodic Hann window (32 ms).
        n_fft (`int`, defaults to 1024): Points of the Fourier transform; the window is zero-padded to it.
        fmin (`float`, defaults to 0.0): Lower edge of the mel filter bank in Hz.
        fmax (`float`, *optional*): Upper edge of the mel filter bank in Hz; half the sampling rate by default.
        mel_floor (`float`, defaults to 1e-6): Smallest mel power, of audio in [-1, 1], that enters the logarithm.
        normalization (`str`, defaults to `"utterance"`): `"utterance"` gives every bin zero mean and unit variance
            over the utterance, `"speech"` over the speech around a frame (`speech_statistics_bigru_ctc`), which pauses
            and silence do not move; `"none"` does nothing.
        prior_frames (`int`, defaults to 0): Shrinkage of the variance: this many pseudo-frames with standard
            deviation `prior_std` are added to the variance of the utterance; 0 is off.
        prior_std (`list[float]`, *optional*): Standard deviation of each bin within utterances, for `prior_frames`.
        prior_mean (`list[float]`, *optional*): Mean of each bin over speech, for `normalization="speech"`, which needs
            all three priors. `fit_prior` computes them.
        num_offsets (`int`, defaults to 1): Frame grids for test-time averaging, shifted evenly over one hop. A frame
            has the features of every grid, `num_offsets * feature_size` values. The model runs on each grid and
            averages the log-probabilities: fewer errors for `num_offsets` times the work. Not for training.
        padding_value (`float`, defaults to 0.0): Value on padded frames.
        return_attention_mask (`bool`, defaults to `True`): Whether to return the mask of valid frames.

    Raises:
        ValueError: If a size, a frequency or the normalisation is out of range, or if the mel filter bank would have
            an empty filter.

    Example:
        >>> import numpy as np
        >>> from hf_bigru_asr import BiGRUCTCFeatureExtractor
        >>> extractor = BiGRUCTCFeatureExtractor()
        >>> extractor(np.zeros(16000), sampling_rate=16000, return_tensors="pt").input_features.shape
        torch.Size([1, 50, 128])
    """

    model_input_names = ["input_features", "attention_mask"]  # noqa: RUF012 - the library's own declaration

    def __init__(
        self,
        feature_size: int = 128,
        sampling_rate: int = 16_000,
        hop_length: int = 320,
        win_length: int = 512,
        n_fft: int = 1024,
        fmin: float = 0.0,
        fmax: float | None = None,
        mel_floor: float = 1e-6,
        normalization: str = "utterance",
        prior_frames: int = 0,
        prior_std: list[float] | None = None,
        prior_mean: list[float] | None = None,
        num_offsets: int = 1,
        padding_value: float = 0.0,
        return_attention_mask: bool = True,
        **kwargs: object,
    ) -> None:
        for name in _FORMER_SETTINGS:
            kwargs.pop(name, None)
        super().__init__(
            feature_size=feature_size,
            sampling_rate=sampling_rate,
            padding_value=padding_value,
            return_attention_mask=return_attention_mask,
            **kwargs,
        )
        self.hop_length, self.win_length, self.n_fft = hop_length, win_length, n_fft
        self.fmin = fmin
        self.fmax = sampling_rate / 2 if fmax is None else fmax
        self.mel_floor = mel_floor
        self.normalization = normalization
        self.prior_frames, self.prior_std, self.prior_mean = prior_frames, prior_std, prior_mean
        self._check_parameters()
        self.set_num_offsets(num_offsets)
        # The library leaves these two names out of the saved JSON.
        self.window = torch.hann_window(win_length)
        self.mel_filters = mel_filter_bank(self._mel_scale)

    def num_frames(self, num_samples: int) -> int:
        """Number of frames of `num_samples` samples: `ceil(num_samples / hop_length)`."""
        return math.ceil(num_samples / self.hop_length)

    def __call__(
        self,
        raw_speech: AudioArray | Sequence[AudioArray],
        sampling_rate: int | None = None,
        padding: bool | str = True,
        max_length: int | None = None,
        truncation: bool = False,
        pad_to_multiple_of: int | None = None,
        return_attention_mask: bool | None = None,
        return_tensors: str | None = None,
        device: str | torch.device = "cpu",
        **kwargs: object,
    ) -> BatchFeature:
        """Features of one utterance or a batch of them.

        Args:
            raw_speech: One utterance `(samples,)`, a batch of mono utterances `(batch, samples)` or
                `(batch, channels, samples)`, or a list of utterances, each `(samples,)` or `(channels, samples)`;
                NumPy arrays, tensors or lists, in the types and scales that `waveforms_bigru_ctc` lists.
            sampling_rate: Sampling rate of `raw_speech` in Hz; it must be the extractor's own.
            padding: `True` or `"longest"`, `"max_length"`, `False`.
            max_length: Length in frames to pad or truncate to.
            truncation: Whether to cut what is longer than `max_length` frames.
            pad_to_multiple_of: Pad to a multiple of so many frames.
            return_attention_mask: Whether to return the mask; the extractor's own setting if `None`.
            return_tensors: `"pt"`, `"np"`, or `None` for lists of arrays.
            device: Where to compute; with `return_tensors="pt"` the result stays there.
            kwargs: Ignored, as in the library.

        Returns:
            `input_features` `(batch, frames, num_offsets * feature_size)` float32 and `attention_mask`
            `(batch, frames)` int32.

        Raises:
            ValueError: If the audio is empty, has NaN or infinite samples, floats beyond [-1, 1], more than two
                channels or the channels last, or another sampling rate.
            TypeError: If the samples are of another type, or if it is a path or a dictionary.
        """
        self._check_sampling_rate(sampling_rate)
        waveforms = map(torch.from_numpy, list_of_waveforms(raw_speech))
        features = [self.extract(waveform.to(device)).cpu().numpy() for waveform in waveforms]
        batch = self.pad_new(
            features,
            padding=padding,
            max_length=max_length,
            truncation=truncation,
            pad_to_multiple_of=pad_to_multiple_of,
            return_attention_mask=return_attention_mask,
            return_tensors=return_tensors,
        )
        return batch.to(device) if return_tensors == "pt" else batch

    def extract(self, waveform: torch.Tensor) -> torch.Tensor:
        """Features of one utterance as `__call__` gives them, without its checks and its padding.

        Args:
            waveform: `(samples,)` at the extractor's sampling rate, float32, finite, at least one sample.

        Returns:
            `(frames, num_offsets * feature_size)` float32 on the same device.
        """
        features = self._log_mel(waveform)
        if self.normalization != "speech":
            return self._normalized(features)
        normalised = normalize_by_speech(features.cpu().numpy(), self.frame_s, self.speech_prior)
        return torch.from_numpy(normalised).to(waveform.device)

    @property
    def frame_s(self) -> float:
        """Seconds per frame."""
        return self.hop_length / self.sampling_rate

    @property
    def speech_prior(self) -> SpeechPrior:
        """Statistics of the training data, for `normalization="speech"`.

        Raises:
            ValueError: If a prior is missing.
        """
        return SpeechPrior.of(self.feature_size, self.prior_frames, self.prior_mean, self.prior_std)

    def fit_prior(self, waveforms: Iterable[AudioArray], prior_frames: int, normalization: str | None = None) -> None:
        """Set `prior_frames`, `prior_std` from the mean variance of each bin within an utterance, and `prior_mean`.

        The mean of a bin is that over the speech of all utterances, whatever the normalisation is.

        Args:
            waveforms: Utterances as `__call__` takes them, at the extractor's sampling rate.
            prior_frames: Pseudo-frames that are added to the variance of an utterance; at least 1.
            normalization: The normalisation to change to: `"speech"` cannot be had before its priors. `None` keeps it.

        Raises:
            ValueError: If there is no utterance, `prior_frames` is not positive, or a bin never changes; for
                `"speech"` also if no utterance has speech. Nothing is changed then.
        """
        if prior_frames < 1:
            raise ValueError(f"prior_frames is {prior_frames}; give at least 1, or leave the extractor as it is.")
        normalization = self.normalization if normalization is None else normalization
        check_fields({"normalization": normalization}, FEATURE_RULES)
        prior = fit_prior(self._grids_of(waveforms), self.frame_s)
        if normalization == "speech":
            SpeechPrior.of(self.feature_size, prior_frames, prior.mean, prior.std)
        self.normalization = normalization
        self.prior_frames, self.prior_std, self.prior_mean = prior_frames, prior.std, prior.mean

    def _grids_of(self, waveforms: Iterable[AudioArray]) -> Iterator[npt.NDArray[np.float32]]:
        """Unnormalised frames `(frames, mels)` of each utterance, one grid after another."""
        for raw_speech in waveforms:
            for waveform in list_of_waveforms(raw_speech):
                for frames in self._log_mel(torch.from_numpy(waveform)).split(self.feature_size, dim=1):
                    yield frames.numpy()

    def set_num_offsets(self, num_offsets: int) -> None:
        """Change `num_offsets`.

        Raises:
            ValueError: If it is out of range.
        """
        if not 1 <= num_offsets <= MAX_OFFSETS:
            raise ValueError(f"num_offsets is {num_offsets}; it must be from 1 to {MAX_OFFSETS}.")
        self.num_offsets = num_offsets

    def _log_mel(self, waveform: torch.Tensor) -> torch.Tensor:
        """Unnormalised features `(frames, num_offsets * mels)` of one waveform `(samples,)`.

        One utterance at a time, so that a batch has the very numbers that single files have.
        """
        num_samples = waveform.shape[0]
        after = (self.num_frames(num_samples) - 1) * self.hop_length + self.span - self.num_before - num_samples
        return self.log_mel(torch.nn.functional.pad(waveform, (self.num_before, after)))

    @property
    def offsets(self) -> tuple[int, ...]:
        """Shift of each frame grid in samples, in rising order; 0 centres the window on the frame's interval."""
        middle = (self.num_offsets - 1) / 2
        return tuple(round((index - middle) * self.hop_length / self.num_offsets) for index in range(self.num_offsets))

    @property
    def num_before(self) -> int:
        """Samples before its own interval that a frame needs; zeros for the first frame."""
        return (self.n_fft - self.hop_length) // 2 - self.offsets[0]

    @property
    def span(self) -> int:
        """Samples that a frame needs in all, beginning `num_before` samples before its own interval."""
        return self.n_fft + self.offsets[-1] - self.offsets[0]

    def log_mel(self, padded: torch.Tensor) -> torch.Tensor:
        """Unnormalised features of samples that include the context of the first and the last frame.

        Args:
            padded: `((frames - 1) * hop_length + span,)` samples, beginning `num_before` samples before the first
                frame's interval.

        Returns:
            `(frames, num_offsets * feature_size)`.
        """
        starts = [offset - self.offsets[0] for offset in self.offsets]
        size = len(padded) - starts[-1]
        return torch.cat([self._log_mel_of_grid(padded[start : start + size]) for start in starts], dim=1)

    def _log_mel_of_grid(self, padded: torch.Tensor) -> torch.Tensor:
        """`(frames, feature_size)` of `((frames - 1) * hop_length + n_fft,)` samples."""
        spectrum = torch.stft(
            padded,
            n_fft=self.n_fft,
            hop_length=self.hop_length,
            win_length=self.win_length,
            window=self.window.to(padded.device),
            center=False,
            return_complex=True,
        ).T
        # Faster than `sum` over an axis of two, or `abs`.
        power = spectrum.real.square().addcmul_(spectrum.imag, spectrum.imag)
        mels = mel_powers(power, self.mel_filters.to(padded.device), self._mel_scale)
        return mels.clamp_(min=self.mel_floor).log_()

    def _normalized(self, features: torch.Tensor) -> torch.Tensor:
        if self.normalization != "utterance":
            return self.normalize(features)
        # Several times as fast as `torch.var_mean`, and as exact: a constant bin has a variance of zero.
        changes = features - features[0]
        mean_change = changes.mean(0)
        variance = (changes - mean_change).square_().mean(0)
        return self.normalize(features, features[0] + mean_change, self.with_prior(variance, len(features)))

    def with_prior(self, variance: torch.Tensor, num_frames: int) -> torch.Tensor:
        """Variance of each bin with the pseudo-frames of the prior.

        Args:
            variance: `(num_offsets * feature_size,)` of the utterance alone.
            num_frames: Frames of the utterance.

        Returns:
            `(num_offsets * feature_size,)`; `variance` itself without `prior_frames`.
        """
        if self.prior_frames == 0:
            return variance
        prior = _squares(tuple(self.prior_std or ())).to(variance.device).repeat(self.num_offsets)
        return (num_frames * variance + self.prior_frames * prior) / (num_frames + self.prior_frames)

    def normalize(
        self, features: torch.Tensor, mean: torch.Tensor | None = None, variance: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Normalise features by one mean and one variance; `normalization="none"` returns them unchanged.

        Args:
            features: `(frames, num_offsets * feature_size)`, the result of `log_mel`.
            mean: `(num_offsets * feature_size,)` mean of each bin over the whole utterance.
            variance: `(num_offsets * feature_size,)` variance of each bin over the whole utterance, after
                `with_prior`.

        Returns:
            `(frames, num_offsets * feature_size)`.

        Raises:
            ValueError: If `normalization="utterance"` and mean or variance is missing, or if `normalization="speech"`,
                whose statistics change within a recording.
        """
        if self.normalization == "none":
            return features
        if self.normalization == "speech":
            raise ValueError(
                'normalization="speech" has no single mean and variance; use extract, or SpeechSums for a recording '
                "in pieces."
            )
        if mean is None or variance is None:
            raise ValueError('normalization="utterance" needs mean and variance of the utterance; give both.')
        return (features - mean) / (variance + VARIANCE_FLOOR).sqrt()

    def _check_sampling_rate(self, sampling_rate: int | None) -> None:
        if sampling_rate is None:
            logger.warning_once(
                f"No sampling_rate was given; {self.sampling_rate} Hz is assumed. Pass sampling_rate= so that another "
                "rate is noticed."
            )
        elif sampling_rate != self.sampling_rate:
            raise ValueError(
                f"The audio has a sampling rate of {sampling_rate} Hz; this feature extractor takes "
                f"{self.sampling_rate} Hz. Resample it, for example with torchaudio.functional.resample, or read the "
                "file with hf_bigru_asr.audio.load_audio."
            )

    def _check_parameters(self) -> None:
        check_features(vars(self))
        check_prior(self.feature_size, self.prior_frames, self.prior_std)
        if self.normalization == "speech":
            _ = self.speech_prior

    @property
    def _mel_scale(self) -> MelScale:
        return MelScale(self.n_fft // 2 + 1, self.fmin, self.fmax, self.feature_size, self.sampling_rate)


@cache
def _squares(values: tuple[float, ...]) -> torch.Tensor:
    return torch.tensor(values).square()


BiGRUCTCFeatureExtractor.register_for_auto_class()

__all__ = ["BiGRUCTCFeatureExtractor"]
