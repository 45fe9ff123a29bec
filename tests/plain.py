"""The class that people write when they learn: what NeuralNetwork replaces, number for number.

Independent of the package on purpose.
"""

import numpy as np


class PlainNetwork:
    def __init__(self, layer_sizes):
        self.weights, self.biases = [], []
        for n_in, n_out in zip(layer_sizes[:-1], layer_sizes[1:]):  # noqa: B905, RUF007
            self.weights.append(np.random.randn(n_in, n_out) * np.sqrt(2 / n_in))
            self.biases.append(np.zeros((1, n_out)))

    def sigmoid(self, x):
        return 1 / (1 + np.exp(-np.clip(x, -500, 500)))

    def relu(self, x):
        return np.maximum(0, x)

    def relu_derivative(self, x):
        return (x > 0).astype(float)

    def forward(self, X):
        self.activations, self.layer_inputs = [X], [X]
        last = len(self.weights) - 1
        for i, (W, b) in enumerate(zip(self.weights, self.biases)):  # noqa: B905
            z = np.dot(self.activations[-1], W) + b
            self.layer_inputs.append(z)
            self.activations.append(self.sigmoid(z) if i == last else self.relu(z))
        return self.activations[-1]

    def backward(self, X, y, learning_rate=0.01):
        m = X.shape[0]
        delta = self.activations[-1] - y
        for i in range(len(self.weights) - 1, -1, -1):
            dW = np.dot(self.activations[i].T, delta) / m
            db = np.sum(delta, axis=0, keepdims=True) / m
            self.weights[i] -= learning_rate * dW
            self.biases[i] -= learning_rate * db
            if i > 0:
                delta = np.dot(delta, self.weights[i].T)
                delta = delta * self.relu_derivative(self.layer_inputs[i])

    def train(self, X, y, epochs=1000, learning_rate=0.01, verbose=True):
        losses = []
        for epoch in range(epochs):
            p = self.forward(X)
            loss = -np.mean(y * np.log(p + 1e-8) + (1 - y) * np.log(1 - p + 1e-8))
            losses.append(loss)
            self.backward(X, y, learning_rate)
            if verbose and epoch % 100 == 0:
                print(f"Epoch {epoch}, Loss: {loss:.4f}")
        return losses

    def predict(self, X):
        return self.forward(X)
